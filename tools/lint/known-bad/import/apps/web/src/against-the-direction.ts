// breaks: direction-apps-web
import '@dagbook/domain';
