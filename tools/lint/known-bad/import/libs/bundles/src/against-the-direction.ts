// breaks: direction-libs-bundles
import '@dagbook/event-store';
