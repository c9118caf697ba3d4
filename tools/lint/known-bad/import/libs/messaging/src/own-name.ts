// breaks: no-own-name
import '@dagbook/messaging';
