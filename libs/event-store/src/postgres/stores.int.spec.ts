import { describeEventStore, withPostgres } from '@dagbook/testkit';

const postgres = withPostgres();
describeEventStore('postgres', () => postgres.stores);
