// breaks: product-needs-no-dev-package
import 'vitest';
