// breaks: direction-libs-api-client
import '@dagbook/contracts';
export const room = 'api-client';
