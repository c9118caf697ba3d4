// breaks: direction-apps-api-gateway
import '@dagbook/bundles';
