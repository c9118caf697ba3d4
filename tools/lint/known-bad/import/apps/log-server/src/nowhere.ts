// breaks: import-resolves
import './not-there.ts';
