// breaks: no-cycle
import './cycle-b.ts';
