// breaks: direction-libs-event-store
import '@dagbook/messaging';
