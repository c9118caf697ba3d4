// breaks: direction-libs-templates
import '@dagbook/domain';
