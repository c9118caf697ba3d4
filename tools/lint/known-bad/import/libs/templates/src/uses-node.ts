// breaks: pure-rooms-use-no-node
import 'node:fs';
