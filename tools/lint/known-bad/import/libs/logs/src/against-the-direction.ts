// breaks: direction-libs-logs
import '@dagbook/platform';
