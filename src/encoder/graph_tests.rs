use super::*;

fn value(name: &str, element: Element, shape: &[i64]) -> Value {
    Value { name: name.to_owned(), element: Some(element), shape: shape.to_vec() }
}

fn image(name: &str, shape: &[i64], layout: Option<Layout>) -> Result<ImageInput, String> {
    ImageInput::find(&[value(name, Element::Float32, shape)], layout, (240, 180))
}

#[test]
fn the_layout_follows_from_the_axis_of_three_colours() {
    for (shape, layout) in [
        ([-1, 3, 180, 240], Layout::Nchw),
        ([-1, 3, -1, -1], Layout::Nchw),
        ([1, 180, 240, 3], Layout::Nhwc),
        ([-1, -1, -1, 3], Layout::Nhwc),
        ([-1, -1, 180, 240], Layout::Nchw),
        ([-1, 180, 240, -1], Layout::Nhwc),
    ] {
        assert_eq!(image("data", &shape, None).unwrap().layout, layout, "{shape:?}");
    }
    // Hugging Face leaves all axes open and means channels first.
    assert_eq!(image("pixel_values", &[-1; 4], None).unwrap().layout, Layout::Nchw);
    let message = image("data", &[-1; 4], None).unwrap_err();
    assert!(message.contains("encoder.vision.layout"), "{message}");
    assert_eq!(image("data", &[-1; 4], Some(Layout::Nhwc)).unwrap().layout, Layout::Nhwc);
}

#[test]
fn image_inputs_that_do_not_fit_are_refused_by_name() {
    let message = image("data", &[-1, 3, 224, 224], None).unwrap_err();
    assert!(message.contains("data (f32 [-1, 3, 224, 224])"), "{message}");
    assert!(message.contains("[3, 180, 240]") && message.contains("resize_crop_pad"), "{message}");
    // The two sides exchanged.
    assert!(image("data", &[-1, 3, 240, 180], None).is_err());
    assert!(image("data", &[-1, 3, 180, 240], Some(Layout::Nhwc)).is_err());
    assert!(image("grey", &[-1, 1, 180, 240], None).unwrap_err().contains("three colours"));
    assert!(image("flat", &[-1, 129_600], None).unwrap_err().contains("neither"));
    let bytes = ImageInput::find(&[value("raw", Element::Uint8, &[-1, 3, 180, 240])], None, (240, 180));
    assert!(bytes.unwrap_err().contains("raw (u8"));
    let two = ["a", "b"].map(|name| value(name, Element::Float32, &[-1, 3, 180, 240]));
    assert!(ImageInput::find(&two, None, (240, 180)).unwrap_err().contains("takes one input"));
}

#[test]
fn a_batch_is_open_or_fixed() {
    assert_eq!(image("data", &[-1, 3, 180, 240], None).unwrap().batch, None);
    assert_eq!(image("data", &[4, 3, 180, 240], None).unwrap().batch, Some(4));
}

fn texts(names: &[&str], model_type: &str) -> Result<TextInputs, String> {
    let values: Vec<Value> = names.iter().map(|name| value(name, Element::Int64, &[-1, -1])).collect();
    TextInputs::find(&values, model_type)
}

#[test]
fn text_inputs_are_known_by_name() {
    let all = texts(&["input_ids", "attention_mask", "token_type_ids", "position_ids"], "bert").unwrap();
    let roles: Vec<Role> = all.inputs.iter().map(|(_, role, _)| *role).collect();
    assert_eq!(roles, [Role::Ids, Role::Mask, Role::Segments, Role::Positions]);
    assert!(all.has_mask());
    assert!(!texts(&["input_ids"], "").unwrap().has_mask());
    assert!(texts(&["tokens"], "").is_ok(), "a single input needs no name");

    let message = texts(&["input_ids", "position_ids"], "xlm-roberta").unwrap_err();
    assert!(message.contains("position_ids") && message.contains("xlm-roberta"), "{message}");
    let message = texts(&["input_ids", "bbox"], "").unwrap_err();
    assert!(message.contains("bbox"), "{message}");
    assert!(texts(&["attention_mask", "token_type_ids"], "").unwrap_err().contains("takes input_ids"));
}

#[test]
fn text_inputs_have_one_shape_and_whole_numbers() {
    let one = |element, shape: &[i64]| TextInputs::find(&[value("input_ids", element, shape)], "");
    let fixed = one(Element::Int32, &[2, 77]).unwrap();
    assert_eq!((fixed.batch, fixed.length), (Some(2), Some(77)));
    assert_eq!(fixed.inputs[0].2, Integer::I32);
    assert!(one(Element::Float32, &[-1, -1]).unwrap_err().contains("input_ids (f32"));
    assert!(one(Element::Int64, &[77]).unwrap_err().contains("[batch, length]"));
    let differing =
        [value("input_ids", Element::Int64, &[-1, 77]), value("attention_mask", Element::Int64, &[-1, 64])];
    assert!(TextInputs::find(&differing, "").unwrap_err().contains("differ in shape"));
}

fn chosen(outputs: &[Value], named: Option<&str>, pooling: Option<Pooling>) -> Result<String, String> {
    let usual = &["image_embeds", "pooler_output"];
    output(outputs, &OutputRules { section: "encoder.vision", named, pooling, usual, classifier: false })
}

fn float(name: &str, shape: &[i64]) -> Value {
    value(name, Element::Float32, shape)
}

#[test]
fn the_output_is_the_named_the_usual_or_the_only_one() {
    let clip = [
        float("last_hidden_state", &[-1, 50, 768]),
        float("pooler_output", &[-1, 768]),
        float("image_embeds", &[-1, 512]),
    ];
    assert_eq!(chosen(&clip, None, None).unwrap(), "image_embeds");
    assert_eq!(chosen(&clip, Some("pooler_output"), None).unwrap(), "pooler_output");
    assert_eq!(chosen(&clip, None, Some(Pooling::Cls)).unwrap(), "last_hidden_state");
    assert_eq!(chosen(&clip[..2], None, None).unwrap(), "pooler_output");
    let resnet = [float("last_hidden_state", &[-1, 2048, 7, 7]), float("pooler_output", &[-1, 2048, 1, 1])];
    assert_eq!(chosen(&resnet, None, None).unwrap(), "pooler_output");
    assert_eq!(chosen(&[float("495", &[-1, 2048])], None, None).unwrap(), "495");
}

#[test]
fn what_is_no_feature_or_not_clear_is_refused_with_what_to_set() {
    let message = chosen(&[float("logits", &[-1, 1000])], None, None).unwrap_err();
    assert!(message.contains("logits") && message.contains("encoder.vision.output"), "{message}");
    assert_eq!(chosen(&[float("logits", &[-1, 1000])], Some("logits"), None).unwrap(), "logits");
    let rules =
        OutputRules { section: "encoder.vision", named: None, pooling: None, usual: &[], classifier: true };
    assert!(output(&[float("495", &[-1, 1000])], &rules).unwrap_err().contains("classes"));

    let two = [float("a", &[-1, 8]), float("b", &[-1, 8])];
    let message = chosen(&two, None, None).unwrap_err();
    assert!(message.contains("a (f32 [-1, 8]), b") && message.contains("encoder.vision.output"), "{message}");
    let hidden = [float("last_hidden_state", &[-1, 50, 768])];
    assert!(chosen(&hidden, None, None).unwrap_err().contains("encoder.vision.pooling"));
    let named = chosen(&hidden, Some("last_hidden_state"), None).unwrap_err();
    assert!(named.contains("cls, mean, max or last"), "{named}");
    let map = [float("map", &[-1, 2048, 7, 7])];
    assert!(chosen(&map, Some("map"), Some(Pooling::Cls)).unwrap_err().contains("mean or max"));
    assert_eq!(chosen(&map, None, Some(Pooling::Mean)).unwrap(), "map");
    let pooled = chosen(&two, Some("a"), Some(Pooling::Mean)).unwrap_err();
    assert!(pooled.contains("leave the pooling unset"), "{pooled}");
    let brain = [value("image_embeds", Element::Bfloat16, &[-1, 8])];
    assert!(chosen(&brain, None, None).unwrap_err().contains("image_embeds (bf16"));
}
