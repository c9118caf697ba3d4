// breaks: direction-apps-scheduler
import '../../worker/src/against-the-direction.ts';
