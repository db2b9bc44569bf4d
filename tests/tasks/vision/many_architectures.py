"""Names of networks for the tests: a few of every kind, many, and those that are refused, with the reason."""

SMALL = "@random-0?input_size=96"
OWN = "@random-0"

FEW = [
    *(
        f"torchvision:{name}{SMALL}"
        for name in (
            "alexnet", "vgg11_bn", "squeezenet1_1", "resnet18", "resnext50_32x4d", "wide_resnet50_2", "googlenet",
            "densenet121", "mobilenet_v2", "mobilenet_v3_small", "mnasnet0_5", "shufflenet_v2_x0_5", "efficientnet_b0",
            "efficientnet_v2_s", "regnet_x_400mf", "regnet_y_400mf", "convnext_tiny", "vit_b_32", "swin_t",
        )
    ),
    "torchvision:inception_v3@random-0?input_size=139",
    *(
        f"timm:{name}{SMALL}"
        for name in (
            "test_resnet", "test_byobnet", "test_convnext", "test_convnext2", "test_efficientnet",
            "test_efficientnet_ln", "test_efficientnet_evos",
            "test_mambaout", "test_nfnet", "test_vit", "test_vit2", "test_vit3", "test_vit4",
            "convnextv2_atto", "cait_xxs24_224", "convit_tiny", "cs3darknet_s", "cspresnext50", "coat_lite_tiny",
            "ghostnet_050", "hardcorenas_a", "lcnet_035", "mobilenetv3_small_050", "mobileone_s0", "repvgg_a0",
            "resnetv2_18", "seresnext26t_32x4d", "tinynet_e", "vit_tiny_patch16_224", "xcit_nano_12_p16_224",
            "efficientnet_lite0", "mixer_s32_224",
        )
    ),
    "timm:tf_efficientnet_b0@random-0?input_size=97",
    "timm:tf_mixnet_s@random-0?input_size=97",
]  # fmt: skip

MANY: list[str] = []

NOT_SERVED: dict[str, str] = {}
