// breaks: direction-libs-object-store
import '@dagbook/contracts';
