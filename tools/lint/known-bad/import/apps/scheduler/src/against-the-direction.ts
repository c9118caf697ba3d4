// breaks: direction-apps-scheduler
import '@dagbook/sdk';
