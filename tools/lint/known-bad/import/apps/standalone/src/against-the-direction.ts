// breaks: direction-apps-standalone, product-knows-no-test
import '@dagbook/testkit';
