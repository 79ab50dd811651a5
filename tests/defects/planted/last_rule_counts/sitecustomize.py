"""Of several rules for the name of a module, the last one counts."""

import re
from typing import Any

from torch.ao.quantization.fx import qconfig_mapping_utils


def find_rule(qconfig_mapping: Any, module_name: str, fallback_qconfig: Any) -> Any:
    for pattern, found in reversed(qconfig_mapping.module_name_regex_qconfigs.items()):
        if re.match(pattern, module_name):
            return found
    return fallback_qconfig


vars(qconfig_mapping_utils).update(_get_module_name_regex_qconfig=find_rule)
