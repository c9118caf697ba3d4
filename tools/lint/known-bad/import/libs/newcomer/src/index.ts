// breaks: room-is-known
import './other.ts';
