// breaks: pure-rooms-use-no-node
import { hostname } from 'node:os';

hostname();
