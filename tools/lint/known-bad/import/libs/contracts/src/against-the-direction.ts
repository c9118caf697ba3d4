// breaks: direction-libs-contracts
import '@dagbook/event-store';
