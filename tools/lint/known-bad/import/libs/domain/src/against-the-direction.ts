// breaks: direction-libs-domain
import '@dagbook/contracts';
