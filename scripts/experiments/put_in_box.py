"""Make a trained model the network in the box: write it into the package, at half precision.

python scripts/experiments/put_in_box.py runs/NAME/model.safetensors
"""

import sys

from hayago.errors import HayagoError
from hayago.network.model_file import default_model_path, load_model, save_model

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        model = load_model(sys.argv[1])
        save_model(default_model_path(), model.weights, model.info, half=True)
    except HayagoError as error:
        sys.exit(f"put_in_box: {error}")
    print(f"{default_model_path()}: {default_model_path().stat().st_size:,} bytes")
