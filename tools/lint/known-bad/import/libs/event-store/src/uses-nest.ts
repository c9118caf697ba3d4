// breaks: confined-nest
import '@nestjs/common';
