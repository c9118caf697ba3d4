// breaks: direction-libs-platform
import '@dagbook/sdk';
