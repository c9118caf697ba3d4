// breaks: no-way-round-the-door
import '../../contracts/src/index.ts';
