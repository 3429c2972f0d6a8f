import * as runtime from "{{ runtime|escapejs }}";
import { listen } from "{{ script|escapejs }}";
listen(self, runtime);
