// breaks: direction-libs-messaging
import '@dagbook/event-store';
