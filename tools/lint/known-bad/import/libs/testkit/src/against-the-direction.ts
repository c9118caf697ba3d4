// breaks: direction-libs-testkit
import '@dagbook/bundles';
