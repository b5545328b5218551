"""What the rendered chart must say, case by case; `python3 tools/deploy` runs it with its Helm."""

import unittest

import yaml
from chart import CASES, configurations, of_kind, pods

# Set by the run, before the tests.
CHART = None
RULES = None

ROLES = {
    "minimal": ["all"],
    "cpu": ["embed", "rank"],
    "gpu": ["embed", "rank"],
    "everything": ["embed", "rank"],
}
# The seconds that Kubernetes waits beyond the worker's own deadline.
GRACE_MARGIN = 10


def deployment(manifests, role):
    return of_kind(manifests, "Deployment", f"-{role}")


def container(manifests, role):
    (worker,) = deployment(manifests, role)["spec"]["template"]["spec"]["containers"]
    return worker


def configuration(manifests, role):
    return yaml.safe_load(of_kind(manifests, "ConfigMap", "lookalike")["data"][f"{role}.yaml"])


class EveryCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rendered = {case: CHART.render(case) for case in CASES}

    def test_a_deployment_for_each_role_of_the_mode(self):
        for case, manifests in self.rendered.items():
            found = [
                m["metadata"]["labels"]["app.kubernetes.io/component"]
                for m in manifests
                if m["kind"] == "Deployment"
            ]
            self.assertEqual(found, ROLES[case], case)

    def test_everything_that_runs_meets_the_restricted_pod_security_level(self):
        for case, manifests in self.rendered.items():
            for name, pod in pods(manifests):
                with self.subTest(f"{case}: {name}"):
                    self.assertTrue(pod["securityContext"]["runAsNonRoot"])
                    self.assertEqual(pod["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
                    self.assertFalse(pod.get("hostNetwork") or pod.get("hostPID") or pod.get("hostIPC"))
                    self.assertFalse([volume for volume in pod["volumes"] if "hostPath" in volume])
                    for worker in [*pod.get("initContainers", []), *pod["containers"]]:
                        context = worker["securityContext"]
                        self.assertFalse(context["allowPrivilegeEscalation"])
                        self.assertTrue(context["readOnlyRootFilesystem"])
                        self.assertEqual(context["capabilities"], {"drop": ["ALL"]})
                        self.assertNotIn("privileged", context)

    def test_memory_is_limited_and_the_clusters_token_is_not_mounted(self):
        for case, manifests in self.rendered.items():
            for name, pod in pods(manifests):
                with self.subTest(f"{case}: {name}"):
                    self.assertIs(pod["automountServiceAccountToken"], False)
                    for worker in [*pod.get("initContainers", []), *pod["containers"]]:
                        self.assertIn("memory", worker["resources"]["limits"])

    def test_kubernetes_waits_longer_than_the_worker_drains(self):
        for case, manifests in self.rendered.items():
            for role in ROLES[case]:
                deadline = (
                    configuration(manifests, role).get("shutdown", {}).get("deadline_ms", 35_000) / 1000
                )
                grace = deployment(manifests, role)["spec"]["template"]["spec"][
                    "terminationGracePeriodSeconds"
                ]
                self.assertGreaterEqual(grace, deadline + GRACE_MARGIN, f"{case} {role}")
                self.assertLess(grace, deadline + GRACE_MARGIN + 1, f"{case} {role}")

    def test_probes_ask_the_paths_that_the_worker_answers_on_the_port_that_it_opens(self):
        for case, manifests in self.rendered.items():
            for role in ROLES[case]:
                worker = container(manifests, role)
                asked = {
                    probe: worker[probe]["httpGet"]["path"] for probe in ("livenessProbe", "readinessProbe")
                }
                self.assertEqual(asked, {"livenessProbe": "/livez", "readinessProbe": "/readyz"})
                (port,) = worker["ports"]
                listen = configuration(manifests, role)["http"]["listen"]
                self.assertEqual(listen, f"0.0.0.0:{port['containerPort']}")
                self.assertEqual(worker["livenessProbe"]["httpGet"]["port"], port["name"])

    def test_a_changed_configuration_restarts_the_workers(self):
        for role in ("embed", "rank"):
            sums = set()
            for settings in ([], ['config.ranking={"k": 7}']):
                template = deployment(CHART.render("cpu", *settings), role)["spec"]["template"]
                sums.add(template["metadata"]["annotations"]["checksum/config"])
            self.assertEqual(len(sums), 2, role)

    def test_no_configmap_holds_a_secret_and_no_secret_is_made(self):
        for case, manifests in self.rendered.items():
            self.assertFalse([m for m in manifests if m["kind"] == "Secret"], case)
            for name, text in configurations(manifests):
                for word in ("password", "api_key", "secret"):
                    self.assertNotIn(word, text, f"{case}: {name}")

    def test_selectors_of_every_object_meet_pods_of_their_role(self):
        for case, manifests in self.rendered.items():
            labels = {
                role: deployment(manifests, role)["spec"]["template"]["metadata"]["labels"]
                for role in ROLES[case]
            }
            for manifest in manifests:
                if manifest["kind"] in ("PodDisruptionBudget", "Deployment"):
                    wanted = manifest["spec"]["selector"]["matchLabels"]
                    role = manifest["metadata"]["labels"]["app.kubernetes.io/component"]
                    self.assertLessEqual(wanted.items(), labels[role].items(), manifest["metadata"]["name"])
                    others = [r for r in ROLES[case] if r != role and wanted.items() <= labels[r].items()]
                    self.assertFalse(others, manifest["metadata"]["name"])


class Cases(unittest.TestCase):
    def test_gpu_workers_ask_for_gpus_and_embed_on_them(self):
        manifests = CHART.render("gpu")
        pod = deployment(manifests, "embed")["spec"]["template"]["spec"]
        self.assertEqual(container(manifests, "embed")["resources"]["limits"]["nvidia.com/gpu"], 1)
        self.assertEqual(pod["runtimeClassName"], "nvidia")
        self.assertEqual(pod["nodeSelector"], {"nvidia.com/gpu.present": "true"})
        self.assertEqual(pod["tolerations"][0]["key"], "nvidia.com/gpu")
        self.assertEqual(configuration(manifests, "embed")["encoder"]["execution_provider"], "cuda")
        self.assertEqual(container(manifests, "embed")["image"], "lookalike:0.1.0-cuda")

    def test_rank_never_gets_a_gpu(self):
        manifests = CHART.render("gpu")
        self.assertNotIn("nvidia.com/gpu", container(manifests, "rank")["resources"]["limits"])
        self.assertNotIn("execution_provider", configuration(manifests, "rank")["encoder"])
        self.assertEqual(container(manifests, "rank")["image"], "lookalike:0.1.0")

    def test_engines_of_tensorrt_are_kept_in_their_volume(self):
        manifests = CHART.render("everything")
        encoder = configuration(manifests, "embed")["encoder"]
        self.assertEqual(encoder["execution_provider"], "tensorrt")
        mounts = {m["name"]: m["mountPath"] for m in container(manifests, "embed")["volumeMounts"]}
        self.assertEqual(mounts["engines"], encoder["gpu"]["engine_cache"])
        pod = deployment(manifests, "embed")["spec"]["template"]["spec"]
        self.assertIn({"name": "engines", "persistentVolumeClaim": {"claimName": "engines"}}, pod["volumes"])
        self.assertNotIn("engines", {m["name"] for m in container(manifests, "rank")["volumeMounts"]})

    def test_one_deployment_may_have_a_gpu_too(self):
        manifests = CHART.render("minimal", "embed.gpu.enabled=true")
        self.assertEqual(container(manifests, "all")["resources"]["limits"]["nvidia.com/gpu"], 1)
        self.assertEqual(configuration(manifests, "all")["encoder"]["execution_provider"], "cuda")

    def test_what_a_role_sets_lies_over_what_both_set(self):
        manifests = CHART.render("cpu")
        self.assertEqual(
            configuration(manifests, "rank")["ranking"], {"threshold": 0.5, "cache_mebibytes": 256}
        )
        self.assertNotIn("ranking", configuration(manifests, "embed"))
        self.assertEqual(configuration(manifests, "embed")["encoder"]["sessions"], 2)

    def test_a_model_in_a_volume_is_read_only_and_where_the_worker_looks(self):
        manifests = CHART.render("cpu")
        for role in ("embed", "rank"):
            mounts = {m["name"]: m for m in container(manifests, role)["volumeMounts"]}
            self.assertTrue(mounts["model"]["readOnly"])
            self.assertEqual(configuration(manifests, role)["encoder"]["directory"], "/models/current/siglip")

    def test_a_model_in_s3_is_copied_before_the_worker_starts(self):
        pod = deployment(CHART.render("everything"), "rank")["spec"]["template"]["spec"]
        (copy,) = pod["initContainers"]
        self.assertEqual(
            copy["args"][:2] + copy["args"][3:],
            [
                "s3",
                "sync",
                "s3://shop-models/model",
                "/models/current/model",
                "--endpoint-url",
                "https://s3.internal",
            ],
        )
        self.assertEqual(copy["envFrom"], [{"secretRef": {"name": "s3-credentials"}}])

    def test_scaling_follows_the_lag_of_the_group_and_topic_of_the_role(self):
        for case, suffix in (("gpu", ""), ("everything", "-green")):
            scaled = of_kind(CHART.render(case), "ScaledObject", "-embed")["spec"]
            (trigger,) = scaled["triggers"]
            self.assertEqual(trigger["metadata"]["consumerGroup"], f"lookalike{suffix}.embed")
            # Both generations read the same events.
            self.assertEqual(trigger["metadata"]["topic"], "catalog.events")
            self.assertEqual(trigger["metadata"]["allowIdleConsumers"], "false")
            self.assertEqual(trigger["metadata"]["limitToPartitionsWithLag"], "true")
        scaled = of_kind(CHART.render("everything"), "ScaledObject", "-rank")["spec"]
        (trigger,) = scaled["triggers"]
        self.assertEqual(trigger["metadata"]["consumerGroup"], "lookalike-green.rank")
        self.assertEqual(trigger["metadata"]["topic"], "lookalike.rank.green")

    def test_a_scaled_deployment_leaves_its_replicas_to_keda(self):
        manifests = CHART.render("gpu")
        self.assertNotIn("replicas", deployment(manifests, "embed")["spec"])
        self.assertEqual(deployment(manifests, "rank")["spec"]["replicas"], 2)

    def test_both_roles_in_one_deployment_scale_on_both_topics(self):
        scaled = of_kind(CHART.render("minimal", "embed.autoscaling.enabled=true"), "ScaledObject", "-all")[
            "spec"
        ]
        topics = [trigger["metadata"]["topic"] for trigger in scaled["triggers"]]
        self.assertEqual(topics, ["catalog.events", "lookalike.rank"])

    def test_a_generation_has_groups_and_topics_of_its_own_and_the_same_events(self):
        manifests = CHART.render("everything")
        for role in ("embed", "rank"):
            kafka = configuration(manifests, role)["kafka"]
            self.assertEqual(kafka["group_prefix"], "lookalike-green")
            self.assertEqual(
                kafka["topics"],
                {
                    "rank": "lookalike.rank.green",
                    "similar": "lookalike.similar.green",
                    "dead_letters": "lookalike.dead-letters.green",
                },
            )

    def test_a_service_may_serve_another_release(self):
        selector = of_kind(CHART.render("everything"), "Service")["spec"]["selector"]
        self.assertEqual(selector["app.kubernetes.io/instance"], "blue")
        selector = of_kind(CHART.render("cpu"), "Service")["spec"]["selector"]
        self.assertEqual(selector["app.kubernetes.io/instance"], "lookalike")

    def test_secrets_reach_the_worker_by_reference(self):
        manifests = CHART.render("everything")
        for name, pod in pods(manifests):
            worker = pod["containers"][0]
            variables = {v["name"]: v["valueFrom"]["secretKeyRef"] for v in worker["env"] if "valueFrom" in v}
            self.assertEqual(
                variables,
                {
                    "LOOKALIKE__KAFKA__PROPERTIES__SASL__USERNAME": {"name": "kafka-user", "key": "username"},
                    "LOOKALIKE__KAFKA__PROPERTIES__SASL__PASSWORD": {"name": "kafka-user", "key": "password"},
                    "LOOKALIKE__QDRANT__API_KEY": {"name": "qdrant", "key": "key"},
                },
                name,
            )

    def test_a_digest_takes_the_tags_place(self):
        manifests = CHART.render("everything")
        self.assertEqual(container(manifests, "rank")["image"], "lookalike@sha256:" + 64 * "0")
        self.assertEqual(container(manifests, "embed")["image"], "shop/lookalike:0.1.0-cuda")

    def test_topics_come_before_the_workers(self):
        for case, partitions in (("gpu", "12"), ("minimal", "6")):
            job = of_kind(CHART.render(case), "Job")
            self.assertEqual(job["metadata"]["annotations"]["helm.sh/hook"], "pre-install,pre-upgrade")
            arguments = job["spec"]["template"]["spec"]["containers"][0]["args"]
            self.assertEqual(arguments[:2], ["topics", "create"])
            self.assertEqual(arguments[arguments.index("--partitions") + 1], partitions)

    def test_the_network_is_closed_but_for_what_is_named(self):
        policy = of_kind(CHART.render("cpu"), "NetworkPolicy")["spec"]
        self.assertEqual(policy["policyTypes"], ["Ingress", "Egress"])
        self.assertEqual(policy["ingress"][0]["from"], [{"podSelector": {}}])
        ports = sorted({port["port"] for rule in policy["egress"] for port in rule["ports"]})
        self.assertEqual(ports, [53, 443, 6334, 9092, 9093, 9094])
        policy = of_kind(CHART.render("everything"), "NetworkPolicy")["spec"]
        self.assertEqual([rule["ports"][0]["port"] for rule in policy["egress"]][-1], 4317)

    def test_the_rules_are_those_of_the_file_but_for_the_disabled(self):
        groups = of_kind(CHART.render("everything"), "PrometheusRule")["spec"]["groups"]
        found = [rule.get("alert", rule.get("record")) for group in groups for rule in group["rules"]]
        expected = [
            rule.get("alert", rule.get("record")) for group in RULES["groups"] for rule in group["rules"]
        ]
        self.assertEqual(found, [name for name in expected if name != "LookalikeGpuUnused"])
        urls = {
            rule["annotations"]["runbook_url"]
            for group in groups
            for rule in group["rules"]
            if "alert" in rule
        }
        self.assertTrue(
            all(url.startswith("https://git.example.org/lookalike/docs/operations.md#") for url in urls)
        )

    def test_workers_of_a_role_are_spread_apart(self):
        pod = deployment(CHART.render("cpu"), "rank")["spec"]["template"]["spec"]
        for constraint in pod["topologySpreadConstraints"]:
            self.assertEqual(
                constraint["labelSelector"]["matchLabels"]["app.kubernetes.io/component"], "rank"
            )

    def test_further_volumes_variables_and_labels_arrive(self):
        manifests = CHART.render("everything")
        worker = container(manifests, "embed")
        self.assertIn({"name": "RUST_BACKTRACE", "value": "1"}, worker["env"])
        self.assertIn({"configMapRef": {"name": "proxies"}}, worker["envFrom"])
        self.assertIn({"name": "scratch", "mountPath": "/scratch"}, worker["volumeMounts"])
        template = deployment(manifests, "embed")["spec"]["template"]
        self.assertIn({"name": "scratch", "emptyDir": {}}, template["spec"]["volumes"])
        self.assertEqual(template["metadata"]["labels"]["tier"], "gpu")
        self.assertEqual(template["metadata"]["labels"]["team"], "search")


class Refusals(unittest.TestCase):
    """A wrong value, and the words that the refusal must have."""

    WRONG = [
        ('mode="both"', "/mode", "separate"),
        ("replicas=3", "replicas"),
        ("embed.replica=3", "/embed", "replica"),
        ('embed.replicas="three"', "/embed/replicas", "integer"),
        ("embed.gpu.count=0", "/embed/gpu/count"),
        ('config.kafka.bootstrap_servers=""', "/config/kafka/bootstrap_servers"),
        ('config.kafka.bootstrap_servers="kafka"', "/config/kafka/bootstrap_servers"),
        ('config.qdrant.url="qdrant:6334"', "/config/qdrant/url"),
        ('config.qdrant.api_key="s3cret"', "config.qdrant.api_key", "secrets.qdrant"),
        (
            'config.kafka.properties={"sasl.password": "s3cret"}',
            "config.kafka.properties",
            "sasl.password",
            "secrets.kafka",
        ),
        (
            'config.kafka.properties={"sasl": {"password": "s3cret"}}',
            "config.kafka.properties",
            "password",
            "secrets.kafka",
        ),
        (
            'rank.config.kafka={"properties": {"ssl.key.pem": "s3cret"}}',
            "rank.config.kafka.properties",
            "ssl.key.pem",
        ),
        (
            'config.objects.stores=[{"uri": "s3://a/", "options": {"aws_secret_access_key": "s3cret"}}]',
            "config.objects.stores",
            "aws_secret_access_key",
            "secrets.objectStores",
        ),
        ("config.rankings={}", "/config", "rankings"),
        ("rank.config.rankings={}", "/rank/config", "rankings"),
        ('image.digest="latest"', "/image/digest"),
        ('generation="Green.2"', "/generation"),
        ('model.source="disk"', "/model/source"),
        ('model.source="volume"', "model.volume", "persistentVolumeClaim"),
        ('model.source="s3"', "model.s3.uri"),
        ('keda.sasl="scram"', "/keda/sasl"),
        ('keda.sasl="plaintext"', "secrets.kafka.name"),
        ('embed.autoscaling={"enabled": true, "maxReplicas": 7}', "maxReplicas is 7", "6 partitions"),
        ("rank.autoscaling.minReplicas=9", "rank.autoscaling.minReplicas"),
        ("topics.partitions=0", "/topics/partitions"),
        ('service.port="http"', "/service/port"),
        ('podMonitor.interval="often"', "/podMonitor/interval"),
        ("networkPolicy.egress.kafka.ports=[]", "/networkPolicy/egress/kafka/ports"),
    ]

    def test_each_is_refused_with_words_that_say_which_and_why(self):
        for setting, *words in self.WRONG:
            with self.subTest(setting):
                said = CHART.refusal("minimal", setting)
                for word in words:
                    self.assertIn(word, said)

    def test_defaults_alone_name_no_kafka_and_no_qdrant_and_are_refused(self):
        code, _, said = CHART.command("template", "lookalike", "helm/lookalike")
        self.assertNotEqual(code, 0)
        self.assertIn("bootstrap_servers", said)
        self.assertIn("url", said)
