// breaks: through-the-door, no-way-round-the-door
import '../../contracts/src/inner.ts';
