export type { ObjectEntry, ObjectStore, StoredObject } from './port.ts';
export { ObjectStoreFault } from './port.ts';
export { objectStoreAt } from './place.ts';
