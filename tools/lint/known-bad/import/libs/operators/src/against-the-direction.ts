// breaks: direction-libs-operators
import '@dagbook/bundles';
