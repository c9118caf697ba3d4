// breaks: direction-libs-read-models
import '@dagbook/messaging';
