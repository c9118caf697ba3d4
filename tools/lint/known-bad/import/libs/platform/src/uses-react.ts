// breaks: confined-react, product-needs-no-dev-package
import 'react';
