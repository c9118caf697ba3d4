// breaks: product-knows-no-test
import './something.spec.ts';
