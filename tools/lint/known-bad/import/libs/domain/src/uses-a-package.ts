// breaks: pure-rooms-use-no-package
import 'zod';
