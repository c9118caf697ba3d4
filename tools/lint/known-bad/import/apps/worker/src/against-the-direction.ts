// breaks: direction-apps-worker
import '@dagbook/event-store';
