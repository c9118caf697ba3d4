// breaks: direction-apps-docker-policy
import '@dagbook/event-store';
