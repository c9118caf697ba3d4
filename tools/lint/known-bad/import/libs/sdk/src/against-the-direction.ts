// breaks: direction-libs-sdk
import '@dagbook/event-store';
