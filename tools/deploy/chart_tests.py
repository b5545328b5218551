"""What the rendered chart must say, case by case; `python3 tools/deploy` runs it with its Helm."""

import json
import os
import unittest
from concurrent.futures import ThreadPoolExecutor

import yaml
from chart import CASES, configurations, of_kind, pods
from chart import CHART as FOLDER
from tools import REPOSITORY

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
# Of the volumes, what the restricted Pod Security level allows.
VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected"}
VOLUMES |= {"secret"}
DEFAULTS = yaml.safe_load((REPOSITORY / "config" / "default.yaml").read_text(encoding="utf-8"))


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
                    self.assertGreater(pod["securityContext"]["runAsUser"], 0)
                    self.assertEqual(pod["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
                    self.assertFalse(pod.get("hostNetwork") or pod.get("hostPID") or pod.get("hostIPC"))
                    kinds = {kind for volume in pod["volumes"] for kind in volume if kind != "name"}
                    self.assertLessEqual(kinds, VOLUMES)
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
                shutdown = DEFAULTS["shutdown"] | configuration(manifests, role).get("shutdown", {})
                deadline = shutdown["deadline_ms"] / 1000
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

    def test_workers_are_replaced_one_by_one_and_the_budget_keeps_the_others(self):
        for case, manifests in self.rendered.items():
            for role in ROLES[case]:
                strategy = deployment(manifests, role)["spec"]["strategy"]
                self.assertEqual(strategy["rollingUpdate"], {"maxSurge": 0, "maxUnavailable": 1}, case)
                budget = of_kind(manifests, "PodDisruptionBudget", f"-{role}")["spec"]
                self.assertEqual(budget["maxUnavailable"], 1, case)

    def test_the_network_policy_is_of_everything_that_runs(self):
        for case, manifests in self.rendered.items():
            wanted = of_kind(manifests, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"]
            found = [m for m in manifests if m["kind"] in ("Deployment", "Job", "Pod")]
            self.assertEqual(len(found), len(ROLES[case]) + 2, case)
            for manifest in found:
                template = manifest if manifest["kind"] == "Pod" else manifest["spec"]["template"]
                labels = template["metadata"]["labels"]
                self.assertLessEqual(wanted.items(), labels.items(), f"{case}: {manifest['kind']}")

    def test_every_mount_has_its_volume(self):
        for case, manifests in self.rendered.items():
            for name, pod in pods(manifests):
                volumes = [volume["name"] for volume in pod["volumes"]]
                self.assertEqual(len(volumes), len(set(volumes)), f"{case}: {name}")
                for worker in [*pod.get("initContainers", []), *pod["containers"]]:
                    mounts = {mount["name"] for mount in worker["volumeMounts"]}
                    self.assertLessEqual(mounts, set(volumes), f"{case}: {name}")

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
        ports = sorted({port["port"] for rule in policy["egress"] for port in rule["ports"]})
        self.assertEqual(ports, [53, 80, 443, 4317, 6334, 9094])
        # What is configured names its peers; names may be asked for anywhere.
        self.assertEqual([rule.get("to") is None for rule in policy["egress"]], [True] + 5 * [False])

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

    def test_the_spread_is_over_zones_and_nodes(self):
        pod = deployment(CHART.render("cpu"), "embed")["spec"]["template"]["spec"]
        keys = [constraint["topologyKey"] for constraint in pod["topologySpreadConstraints"]]
        self.assertEqual(keys, ["topology.kubernetes.io/zone", "kubernetes.io/hostname"])

    def test_the_account_has_the_clouds_identity_and_every_worker_has_the_account(self):
        manifests = CHART.render("cpu")
        account = of_kind(manifests, "ServiceAccount")["metadata"]
        role = "arn:aws:iam::111122223333:role/lookalike"
        self.assertEqual(account["annotations"], {"eks.amazonaws.com/role-arn": role})
        for kind in ("embed", "rank"):
            pod = deployment(manifests, kind)["spec"]["template"]["spec"]
            self.assertEqual(pod["serviceAccountName"], account["name"])
        given = CHART.render("cpu", 'serviceAccount={"create": false, "name": "theirs"}')
        self.assertFalse([m for m in given if m["kind"] == "ServiceAccount"])
        pod = deployment(given, "embed")["spec"]["template"]["spec"]
        self.assertEqual(pod["serviceAccountName"], "theirs")

    def test_the_model_cache_may_be_any_volume(self):
        pod = deployment(CHART.render("gpu"), "embed")["spec"]["template"]["spec"]
        (model,) = [volume for volume in pod["volumes"] if volume["name"] == "model"]
        self.assertIn("volumeClaimTemplate", model["ephemeral"])

    def test_the_monitor_asks_the_port_that_workers_name(self):
        manifests = CHART.render("gpu")
        monitor = of_kind(manifests, "PodMonitor")["spec"]
        (endpoint,) = monitor["podMetricsEndpoints"]
        self.assertEqual(endpoint["path"], "/metrics")
        for role in ("embed", "rank"):
            self.assertEqual(endpoint["port"], container(manifests, role)["ports"][0]["name"])
            labels = deployment(manifests, role)["spec"]["template"]["metadata"]["labels"]
            self.assertLessEqual(monitor["selector"]["matchLabels"].items(), labels.items())
            self.assertLessEqual(set(monitor["podTargetLabels"]), set(labels))

    def test_the_dashboard_is_that_of_the_file_where_the_sidecar_looks(self):
        made = of_kind(CHART.render("everything"), "ConfigMap", "-dashboard")
        self.assertEqual(made["metadata"]["labels"]["grafana_dashboard"], "1")
        file = REPOSITORY / "deploy" / "grafana" / "lookalike.json"
        self.assertEqual(json.loads(made["data"]["lookalike.json"]), json.loads(file.read_text("utf-8")))

    def test_down_is_told_of_workers_by_any_name(self):
        for settings, job in ([], ".*lookalike.*"), (['fullnameOverride="similar"'], ".*similar.*"):
            made = of_kind(CHART.render("everything", *settings), "PrometheusRule")["spec"]["groups"]
            (down,) = [r["expr"] for g in made for r in g["rules"] if r.get("alert") == "LookalikeDown"]
            self.assertEqual(down, f'up{{job=~"{job}"}} == 0')

    def test_helm_test_checks_what_is_configured_without_a_gpu(self):
        for case, settings in (("everything", []), ("minimal", ["embed.gpu.enabled=true"])):
            pod = of_kind(CHART.render(case, *settings), "Pod", "-check")
            self.assertEqual(pod["metadata"]["annotations"]["helm.sh/hook"], "test")
            (check,) = pod["spec"]["containers"]
            self.assertEqual(check["args"][0], "check")
            self.assertIn({"name": "LOOKALIKE__ROLE", "value": "rank"}, check["env"])
            self.assertNotIn("nvidia.com/gpu", check["resources"]["limits"])

    def test_traces_pass_the_network_policy_where_they_are_sent(self):
        def ports(case, *settings):
            rules = of_kind(CHART.render(case, *settings), "NetworkPolicy")["spec"]["egress"]
            return {port["port"] for rule in rules for port in rule["ports"]}

        self.assertNotIn(4317, ports("cpu"))
        # Only role embed sends any.
        self.assertIn(4317, ports("gpu"))

    def test_keda_has_user_and_certificates_of_the_workers_secrets(self):
        made = of_kind(CHART.render("everything"), "TriggerAuthentication")
        self.assertEqual(
            [(one["parameter"], one["name"], one["key"]) for one in made["spec"]["secretTargetRef"]],
            [
                ("username", "kafka-user", "username"),
                ("password", "kafka-user", "password"),
                ("ca", "kafka-ca", "ca.crt"),
            ],
        )
        (trigger,) = of_kind(CHART.render("everything"), "ScaledObject", "-rank")["spec"]["triggers"]
        self.assertEqual(trigger["authenticationRef"]["name"], made["metadata"]["name"])
        manifests = CHART.render("gpu")
        self.assertFalse([m for m in manifests if m["kind"] == "TriggerAuthentication"])
        (trigger,) = of_kind(manifests, "ScaledObject", "-embed")["spec"]["triggers"]
        self.assertNotIn("authenticationRef", trigger)

    def test_jobs_reach_what_the_workers_reach(self):
        for name, pod in pods(CHART.render("everything")):
            if name.startswith("Deployment"):
                continue
            (worker,) = pod["containers"]
            variable = {"name": "OTEL_RESOURCE_ATTRIBUTES", "value": "deployment.environment=green"}
            self.assertIn(variable, worker["env"], name)
            self.assertIn({"configMapRef": {"name": "proxies"}}, worker["envFrom"], name)
            self.assertIn("certificates", {mount["name"] for mount in worker["volumeMounts"]}, name)
            self.assertEqual(pod["nodeSelector"], {"kubernetes.io/arch": "amd64"}, name)
            self.assertEqual(pod["tolerations"][0]["key"], "dedicated", name)

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


def leaves(values, path=""):
    """(path, value) of everything in a table."""
    if not isinstance(values, dict) or not values:
        yield path, values
        return
    for name, inner in values.items():
        yield from leaves(inner, f"{path}.{name}" if path else name)


class EveryValue(unittest.TestCase):
    """No value of values.yaml is without effect."""

    # Values that another one of their type would not be.
    OTHERS = {
        "image.digest": "sha256:" + 64 * "1",
        "image.pullPolicy": "Never",
        "imagePullSecrets": [{"name": "other"}],
        "config.kafka.bootstrap_servers": "other:9092",
        "config.qdrant.url": "http://other:6334",
        "config.objects.stores": [{"uri": "s3://other/"}],
        "generation": "other",
        "model.source": "image",
        "model.s3.uri": "s3://other/model",
        "embed.config": {"ranking": {"k": 5}},
        "embed.image.digest": "sha256:" + 64 * "1",
        "embed.gpu.provider": "tensorrt",
        "embed.autoscaling.maxReplicas": 5,
        "rank.config": {"ranking": {"k": 5}},
        "rank.autoscaling.maxReplicas": 5,
        "all.config": {"ranking": {"k": 5}},
        "keda.sasl": "plaintext",
        "podMonitor.interval": "20s",
        "prometheusRule.disabled": ["LookalikeDown"],
    }
    WORDS = {"all": "separate", "separate": "all", "enable": "disable", "disable": "enable"}
    # By the last part of the path.
    LISTS = {"extraArgs": ["--other"], "ports": [4711]}

    def other(self, path, value):
        if path in self.OTHERS:
            return self.OTHERS[path]
        if isinstance(value, bool):
            return not value
        if isinstance(value, int):
            return value + 1
        if isinstance(value, str):
            return self.WORDS.get(value, f"{value}other")
        if isinstance(value, list):
            return self.LISTS.get(path.rsplit(".", 1)[-1], [{"other": "x"}])
        return {"other": "x"}

    def changes(self, path, value, whole):
        """Whether some file of ci/ renders otherwise with another value."""
        for case in reversed(CASES):
            given = whole[case][1]
            for name in path.split("."):
                given = given.get(name) if isinstance(given, dict) else None
            other = self.other(path, value if given is None else given)
            code, output, _ = CHART.template(case, f"{path}={json.dumps(other)}")
            if code == 0 and output != whole[case][0]:
                return True
        return False

    def test_each_changes_what_is_rendered(self):
        values = yaml.safe_load((FOLDER / "values.yaml").read_text(encoding="utf-8"))
        whole = {}
        for case in CASES:
            given = yaml.safe_load((FOLDER / "ci" / f"{case}-values.yaml").read_text(encoding="utf-8"))
            whole[case] = CHART.template(case)[1], given
        every = list(leaves(values))
        # Helm runs in processes of its own.
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            changed = list(pool.map(lambda one: self.changes(*one, whole), every))
        self.assertEqual([path for (path, _), change in zip(every, changed) if not change], [])


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
        ('config.qdrant.url="http://user:s3cret@qdrant:6334"', "/config/qdrant/url"),
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
        (
            'config.kafka.properties={"ssl": {"key": {"pem": "s3cret"}}}',
            "config.kafka.properties",
            "ssl.key.pem",
            "extraEnv",
        ),
        (
            'config.objects.stores=[{"uri": "az://a/", "options": {"azure_storage_sas_token": "s3cret"}}]',
            "config.objects.stores",
            "azure_storage_sas_token",
        ),
        ('config.encoder.directory="/models/mine"', "config.encoder.directory", "model.directory"),
        ('config.encoder.execution_provider="cuda"', "config.encoder.execution_provider", "embed.gpu"),
        ("embed.config.ranking.k=5", "embed.config", "mode all", "all.config"),
        ("rank.config.ranking.k=5", "rank.config", "mode all", "all.config"),
        ("rank.autoscaling.enabled=true", "rank.autoscaling", "mode all", "embed.autoscaling"),
        ('prometheusRule.disabled=["LookalikeLag"]', "LookalikeLag,", "LookalikeLagGrowing"),
        ('secrets.kafkaTls.caKey="ca.crt"', "secrets.kafkaTls", "name"),
        ('model={"source": "volume", "volume": {"emptyDir": {}}}', "model.directory", "without a slash"),
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

    def test_what_only_looks_like_a_secret_is_taken(self):
        for setting in (
            'config.kafka.properties={"ssl": {"key": {"location": "/tls/key"}}, "ssl.ca.pem": "public"}',
            'config.kafka.properties={"sasl.oauthbearer.token.endpoint.url": "https://login/token"}',
            'config.objects.stores=[{"uri": "s3://a/", "options": {"aws_sse_bucket_key_enabled": "true"}}]',
            'config.objects.stores=[{"uri": "gs://a/", "options": {"google_application_credentials": "/a"}}]',
        ):
            with self.subTest(setting):
                CHART.render("minimal", setting)

    def test_all_config_is_refused_where_nothing_uses_it(self):
        self.assertIn("only used in mode all", CHART.refusal("cpu", "all.config.ranking.k=5"))

    def test_defaults_alone_name_no_kafka_and_no_qdrant_and_are_refused(self):
        code, _, said = CHART.command("template", "lookalike", "helm/lookalike")
        self.assertNotEqual(code, 0)
        self.assertIn("bootstrap_servers", said)
        self.assertIn("url", said)
