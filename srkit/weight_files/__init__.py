"""Files of weights by strangers: looked at before torch or safetensors reads them."""
