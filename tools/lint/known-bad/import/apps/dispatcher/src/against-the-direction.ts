// breaks: direction-apps-dispatcher
import '@dagbook/bundles';
