"""`sql/schema/01_sources.sql`: two networks with their layers, the images, and three files that could not be read."""

from tasks.keys import content_key
from tests.sample_tables.pictures import PATCH_SIDE
from tests.sample_tables.planted import ACTIVATION_SET, LAYER, LOWER_LAYER, NETWORK, OTHER_LAYER, OTHER_NETWORK
from tests.sample_tables.rows import Tables, rows

NETWORKS = (NETWORK, OTHER_NETWORK)
IMAGES = [content_key("sample image", 1, number=number) for number in range(6)]


def source_rows() -> Tables:
    return {
        "networks": rows(
            "networks",
            network=NETWORKS,
            weights_sha256=[content_key("sample weights", 1, network=each) for each in NETWORKS],
            input_size=224,
            classes=1000,
        ),
        "layers": rows(
            "layers",
            network=[NETWORK, NETWORK, OTHER_NETWORK],
            layer=[LAYER, LOWER_LAYER, OTHER_LAYER],
            channels=[40, 24, 480],
            receptive_field=[PATCH_SIDE, 23, 123],
            stride=[8, 8, 16],
            offset_px=[-11, -7, -58],
            effective_centre_y_px=[-2.46, 0.1, None],
            effective_centre_x_px=[-2.9, 0.0, None],
            effective_centre_y_std_error_px=[0.32, 0.2, None],
            effective_centre_x_std_error_px=[0.4, 0.2, None],
            effective_std_y_px=[4.2, 3.1, None],
            effective_std_x_px=[4.3, 3.0, None],
        ),
        "images": rows(
            "images",
            image_id=IMAGES,
            source=["scikit-image", "scikit-image", "dead-leaves", "dead-leaves", "folder", "folder"],
            name=["astronaut", "coffee", "leaves-0", "leaves-1", "garden/rose.jpg", "street.png"],
            width=[512, 600, 224, 224, 640, 320],
            height=[512, 400, 224, 224, 480, 320],
        ),
        "quarantine": rows(
            "quarantine",
            activation_set_id=ACTIVATION_SET,
            name=["broken.jpg", "notes.png", "cut-short.jpg"],
            reason=["image file is truncated", "not an image", "image file is truncated"],
        ),
    }
