// breaks: direction-apps-cli
import '@dagbook/platform';
