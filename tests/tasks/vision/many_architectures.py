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

MANY = [
    *(
        f"timm:{name}{OWN}"
        for name in (
            "crossvit_18_240", "crossvit_small_240", "crossvit_tiny_240", "eca_halonext26ts",
            "efficientformer_l1", "efficientformer_l3", "efficientformer_l7", "halonet26t",
        )
    ),
    *(
        f"timm:{name}{SMALL}"
        for name in (
            "caformer_s18", "caformer_s36", "cait_s24_224", "coat_lite_small", "coat_small", "coat_tiny",
            "coatnet_pico_rw_224", "convformer_s18", "convit_small", "convmixer_1024_20_ks9_p14",
            "convmixer_1536_20", "convmixer_768_32", "convnext_atto", "convnext_zepto_rms",
            "convnext_zepto_rms_ols", "cpubone_nano", "cpubone_s0", "cpubone_t0", "cs3darknet_focus_s",
            "csatv2", "csatv2_21m", "cspnext_s", "cspnext_tiny", "cspnext_x", "darknet17", "darknet21",
            "davit_small", "davit_tiny", "deit_small_patch16_224", "deit_tiny_distilled_patch16_224",
            "deit_tiny_patch16_224", "densenet121", "densenet161", "densenet169", "dla34", "dla60",
            "dla60_res2next", "dm_nfnet_f0", "dm_nfnet_f1", "dm_nfnet_f2", "dpn68", "dpn92", "dpn98",
            "eca_botnext26ts_256", "edgenext_small", "edgenext_small_rw", "edgenext_x_small",
            "efficientformerv2_s0", "efficientformerv2_s1", "efficientformerv2_s2", "efficientvim_m1",
            "efficientvit_b0", "efficientvit_b1", "efficientvit_b2", "efficientvit_m0", "efficientvit_m1",
            "efficientvit_m2", "eva02_tiny_patch14_224", "eva02_tiny_patch14_336", "fasternet_t0",
            "fasternet_t1", "fasternet_t2", "fastvit_s12", "fastvit_t12", "fastvit_t8", "focalnet_small_lrf",
            "focalnet_tiny_lrf", "focalnet_tiny_srf", "gcresnext26ts", "gcresnext50ts", "gcvit_small",
            "gcvit_tiny", "gcvit_xtiny", "ghostnet_100", "ghostnet_130", "ghostnetv3_050", "gmlp_s16_224",
            "gmlp_ti16_224", "hardcorenas_b", "hardcorenas_c", "hardcorenas_d", "hgnet_small", "hgnet_tiny",
            "hgnetv2_b0", "hiera_tiny_224", "hieradet_small", "hrnet_w18_small", "hrnet_w18_small_v2",
            "hrnet_w18_ssld", "iformer_h", "iformer_s", "iformer_t", "inception_next_atto",
            "inception_next_small", "inception_next_tiny", "inception_resnet_v2", "inception_v3",
            "inception_v4", "lcnetv2_small", "levit_128", "levit_192", "levit_256", "lowformer_b0",
            "lowformer_b1", "lowformer_b15", "mambaout_femto", "mambaout_small", "mambaout_tiny",
            "maxvit_pico_rw_256", "maxvit_rmlp_pico_rw_256", "mixer_s16_224", "mobilenetv3_small_075",
            "mobilenetv3_small_100", "mobilenetv4_conv_small", "mobilenetv5_300m", "mobilevit_s",
            "mobilevit_xs", "mobilevitv2_050", "mvitv2_small", "mvitv2_small_cls", "mvitv2_tiny", "nest_small",
            "nest_tiny", "nest_tiny_jx", "nextvit_small", "pit_ti_224", "pit_ti_distilled_224", "pit_xs_224",
            "pvt_v2_b0", "pvt_v2_b1", "pvt_v2_b2", "rdnet_small", "rdnet_tiny", "regnetx_004_tv",
            "regnety_008_tv", "regnety_080_tv", "repghostnet_050", "repghostnet_058", "repghostnet_080",
            "repvit_m1", "repvit_m1_0", "repvit_m2", "res2net50_14w_8s", "res2net50d", "res2next50",
            "resnest14d", "resnest26d", "resnest50d", "resnetv2_18d", "resnext26ts", "resnext50_32x4d",
            "resnext50d_32x4d", "sam2_hiera_small", "sam2_hiera_tiny", "seresnext50_32x4d", "tinynet_a",
            "tinynet_b", "tinynet_c", "vit_betwixt_patch16_rope_reg4_gap_256",
        )
    ),
    *(
        f"torchvision:{name}{OWN}"
        for name in (
            "maxvit_t",
        )
    ),
    *(
        f"torchvision:{name}{SMALL}"
        for name in (
            "convnext_small", "densenet169", "efficientnet_b1", "efficientnet_b2", "efficientnet_b3",
            "mnasnet0_75", "mnasnet1_0", "mnasnet1_3", "regnet_x_1_6gf", "regnet_x_3_2gf", "regnet_x_800mf",
            "regnet_y_1_6gf", "regnet_y_3_2gf", "regnet_y_800mf", "resnet101", "resnet34", "resnet50",
            "shufflenet_v2_x1_0", "shufflenet_v2_x1_5", "shufflenet_v2_x2_0", "squeezenet1_0", "swin_s",
            "swin_v2_s", "swin_v2_t", "vgg11", "vgg13", "vgg13_bn",
        )
    ),
]  # fmt: skip

NOT_SERVED = {"timm:gemma4_vit_167m@random-0": r"can't be traced in encoder \(Gemma4VitEncoder\)"}
