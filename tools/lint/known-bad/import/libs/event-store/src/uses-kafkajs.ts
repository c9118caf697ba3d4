// breaks: confined-kafkajs
import 'kafkajs';
