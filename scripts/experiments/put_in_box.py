"""Put a trained model into the box as the network for its board size: write it into the package, at half precision.

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
        path = default_model_path(model.info.board_size)
        save_model(path, model.weights, model.info, half=True)
    except HayagoError as error:
        sys.exit(f"put_in_box: {error}")
    print(f"{path}: {path.stat().st_size:,} bytes")
