import { describeEventStore } from '@dagbook/testkit';
import { createMemoryStores } from './stores.ts';

const stores = createMemoryStores();
describeEventStore('memory', () => stores);
