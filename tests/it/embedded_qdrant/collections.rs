//! Creating, describing, listing and deleting collections; one process per directory.

use lookalike::embedded::qdrant::{EmbeddedQdrantError, QdrantServer};
use qdrant_client::qdrant::vectors_config::Config;
use qdrant_client::qdrant::{
    CollectionStatus, CreateCollection, CreateCollectionBuilder, CreateFieldIndexCollectionBuilder, Distance,
    FieldType, PayloadSchemaType, QuantizationType, ScalarQuantizationBuilder, ScrollPointsBuilder,
    UpdateCollectionBuilder, Value, VectorParamsBuilder, quantization_config::Quantization,
};
use tonic::Code;

use super::support::{ANY_PORT, COLLECTION, Fixture, assert_completed, code, point, serve, status, version};

#[tokio::test]
async fn the_client_accepts_the_version() {
    let fixture = Fixture::start().await;
    let reply = fixture.client.health_check().await.unwrap();
    assert_eq!(reply.version, "1.20.0");
}

#[tokio::test]
async fn a_collection_is_described_as_it_was_created_also_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let (server, client) = serve(directory.path()).await;
    let create = CreateCollectionBuilder::new("plain")
        .vectors_config(VectorParamsBuilder::new(7, Distance::Manhattan))
        .replication_factor(2);
    let metadata = [("fingerprint", Value::from("abc")), ("k", Value::from(5_i64))];
    let metadata = metadata.map(|(key, value)| (key.to_owned(), value)).into();
    let create = CreateCollection { metadata, ..create.build() };
    client.create_collection(create).await.unwrap();
    let index = CreateFieldIndexCollectionBuilder::new("plain", "version", FieldType::Integer).wait(true);
    assert_completed(client.create_field_index(index).await.unwrap().result);
    let before = client.collection_info("plain").await.unwrap().result.unwrap();
    server.shutdown().await.unwrap();

    let (_server, client) = serve(directory.path()).await;
    let after = client.collection_info("plain").await.unwrap().result.unwrap();
    for info in [before, after] {
        assert_eq!(info.status(), CollectionStatus::Green);
        assert_eq!(info.points_count, Some(0));
        assert_eq!(info.payload_schema["version"].data_type(), PayloadSchemaType::Integer);
        let config = info.config.unwrap();
        assert_eq!(config.metadata["fingerprint"], Value::from("abc"));
        assert_eq!(config.metadata["k"], Value::from(5_i64));
        let params = config.params.unwrap();
        assert_eq!(params.replication_factor, Some(2));
        let Some(Config::Params(vector)) = params.vectors_config.unwrap().config else {
            panic!("expected one unnamed vector")
        };
        assert_eq!((vector.size, vector.distance()), (7, Distance::Manhattan));
    }
}

#[tokio::test]
async fn names_that_exist_or_do_not_are_told_apart() {
    let fixture = Fixture::start().await;
    let client = &fixture.client;
    assert!(client.collection_exists(COLLECTION).await.unwrap());
    assert!(!client.collection_exists("other").await.unwrap());
    let again = client.create_collection(CreateCollectionBuilder::new(COLLECTION)).await;
    assert_eq!(code(again), Code::AlreadyExists);
    assert_eq!(code(client.collection_info("other").await), Code::NotFound);
    assert_eq!(code(client.scroll(ScrollPointsBuilder::new("other")).await), Code::NotFound);
    assert_eq!(
        code(client.create_collection(CreateCollectionBuilder::new("..")).await),
        Code::InvalidArgument
    );

    let names = client.list_collections().await.unwrap().collections;
    assert_eq!(names.into_iter().map(|collection| collection.name).collect::<Vec<_>>(), [COLLECTION]);
}

#[tokio::test]
async fn a_deleted_collection_is_gone_and_its_name_is_free() {
    let fixture = Fixture::start().await;
    let client = &fixture.client;
    fixture.upsert(vec![point(1, &[], version(1))]).await;
    assert!(client.delete_collection(COLLECTION).await.unwrap().result);
    assert!(!client.delete_collection(COLLECTION).await.unwrap().result);
    assert_eq!(code(client.collection_info(COLLECTION).await), Code::NotFound);

    client.create_collection(CreateCollectionBuilder::new(COLLECTION)).await.unwrap();
    let info = client.collection_info(COLLECTION).await.unwrap().result.unwrap();
    assert_eq!(info.points_count, Some(0));
}

#[tokio::test]
async fn what_is_not_served_is_refused_by_name() {
    let fixture = Fixture::start().await;
    let client = &fixture.client;
    let update = status(client.update_collection(UpdateCollectionBuilder::new(COLLECTION)).await);
    assert_eq!(update.code(), Code::Unimplemented);
    assert!(update.message().contains("`update`"), "{}", update.message());

    let scalar = ScalarQuantizationBuilder::default().r#type(QuantizationType::Int8.into());
    let quantized = CreateCollectionBuilder::new("quantized")
        .vectors_config(VectorParamsBuilder::new(4, Distance::Dot))
        .quantization_config(Quantization::from(scalar));
    assert_eq!(code(client.create_collection(quantized).await), Code::InvalidArgument);
    assert!(!client.collection_exists("quantized").await.unwrap());
}

#[tokio::test]
async fn a_directory_has_one_server() {
    let fixture = Fixture::start().await;
    let second = QdrantServer::start(fixture.directory.path(), ANY_PORT).await.unwrap_err();
    assert!(matches!(second, EmbeddedQdrantError::InUse { .. }), "{second}");
    assert!(second.to_string().contains("in use"), "{second}");
    fixture.server.shutdown().await.unwrap();
    serve(fixture.directory.path()).await;
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let fixture = Fixture::start().await;
    let other = tempfile::tempdir().unwrap();
    let error = QdrantServer::start(other.path(), fixture.server.address()).await.unwrap_err();
    assert!(matches!(error, EmbeddedQdrantError::Listen { .. }), "{error}");
    assert!(error.to_string().contains(&fixture.server.address().to_string()), "{error}");
}
