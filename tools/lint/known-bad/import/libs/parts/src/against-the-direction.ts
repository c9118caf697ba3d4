// breaks: direction-libs-parts
import '@dagbook/contracts';
