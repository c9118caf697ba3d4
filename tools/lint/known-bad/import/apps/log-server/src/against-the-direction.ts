// breaks: direction-apps-log-server
import '@dagbook/event-store';
