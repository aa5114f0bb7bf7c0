"""What Redis behind Sentinels, a Redis Cluster and RabbitMQ need, taken away, one by one."""

from functools import partial

from tests.mutation.breakage import Breakage

_BROKERS = "tests/unit/worker/test_brokers.py::"
_CLIENT = "tests/integration/test_broker_client.py::"
_CLUSTER = "tests/promises/redis/test_cluster.py::"
_SETTINGS = "tests/unit/worker/test_settings.py::"
_celery_app = partial(Breakage, file="worker/celery_app.py")
_publish = partial(Breakage, file="tasks/work/publish.py")
_redis = partial(Breakage, file="worker/transports/redis.py")

BROKERS = (
    _celery_app(
        name="queues-die-with-their-node",
        promise=1,
        old='{"x-queue-type": "quorum"}',
        new="None",
        test=f"{_BROKERS}test_on_rabbitmq_queues_are_quorum_queues_and_each_message_is_confirmed",
    ),
    _celery_app(
        name="sent-and-never-confirmed",
        promise=1,
        old='{"confirm_publish": True}',
        new="{}",
        test=f"{_BROKERS}test_on_rabbitmq_queues_are_quorum_queues_and_each_message_is_confirmed",
    ),
    _celery_app(
        name="what-has-waited-comes-to-nobody",
        promise=1,
        old='bindings=[binding(waited, f"#.{name}")], ',
        new="",
        test=f"{_BROKERS}test_on_rabbitmq_what_has_waited_comes_to_its_queue",
    ),
    _publish(
        name="retries-wait-in-the-workers",
        promise=4,
        old="if countdown < 1 or ",
        new="if True or ",
        test=f"{_CLIENT}test_on_rabbitmq_a_message_waits_where_no_worker_keeps_it",
    ),
    Breakage(
        name="sweeper-waits-for-a-frozen-rabbitmq",
        promise=1,
        file="tasks/maintenance/sweeper.py",
        old='"read_timeout": 1.0, ',
        new="",
        test=f"{_CLIENT}test_every_question_to_rabbitmq_is_bounded",
    ),
    _publish(
        name="caller-waits-for-a-rabbitmq-that-is-down",
        promise=1,
        old='"write_timeout": 1, "max_retries": 0',
        new='"write_timeout": 1',
        test=f"{_CLIENT}test_a_broker_that_is_down_is_tried_once[amqp]",
    ),
    _celery_app(
        name="master-of-another-name",
        promise=1,
        old='**({"master_name": master} if master else {}),',
        new="",
        test=f"{_BROKERS}test_sentinels_are_asked_for_the_master_by_its_name",
    ),
    Breakage(
        name="breaker-of-another-master",
        promise=3,
        file="worker/settings/values.py",
        old="return SentinelAddress.parse(value).url",
        new='return SentinelAddress.parse(value.partition("?")[0]).url',
        test=f"{_SETTINGS}test_sentinels_are_given_once_and_kombu_reads_them",
    ),
    Breakage(
        name="late-answer-of-a-master-is-the-next-commands",
        promise=3,
        file="resilience/shared_state/sentinel.py",
        old="disconnect_on_error: bool | None = True",
        new="disconnect_on_error: bool | None = False",
        test="tests/integration/breaker/redis/test_redis_late_answers.py"
        "::test_a_connection_to_a_master_is_closed_when_an_answer_is_late",
    ),
    Breakage(
        name="cluster-as-a-broker",
        promise=1,
        file="worker/settings/model.py",
        old='if not self.celery_broker_url and (self.redis_url or "").partition(":")[0].endswith("+cluster"):',
        new="if False:",
        test=f"{_SETTINGS}test_a_wrong_value_is_one_line_with_the_way_out",
    ),
    _celery_app(
        name="refused-by-a-traceback",
        promise=6,
        old="if click and click.get_current_context(silent=True):",
        new="if False:",
        test=f"{_BROKERS}test_a_wrong_setting_ends_a_command_of_celerys_in_a_line",
    ),
    Breakage(
        name="keys-on-several-nodes",
        promise=3,
        file="resilience/shared_state/scripts.py",
        old='return tuple(f"{{{service}}}:{name}" for name in names)',
        new='return tuple(f"{service}:{name}" for name in names)',
        test=f"{_CLUSTER}test_two_processes_share_a_breaker_that_lives_in_a_cluster",
    ),
    _redis(
        name="what-is-given-back-comes-last",
        promise=4,
        old='place["routing_key"], client)',
        new='place["routing_key"], client, leftmost=True)',
        test=f"{_CLIENT}test_what_is_not_done_is_given_back_to_come_next_in_its_order",
    ),
    _redis(
        name="redis-keeps-a-ledger",
        promise=4,
        old="        self.QoS = QoS  #",
        new="        #",
        test=f"{_CLIENT}test_what_is_not_done_is_given_back_to_come_next_in_its_order",
    ),
    _redis(
        name="a-worker-that-ends-fails-without-its-broker",
        promise=1,
        old="        except self.channel.connection_errors:\n            self._delivered.clear()\n",
        new="        except ZeroDivisionError:\n            self._delivered.clear()\n",
        test=f"{_CLIENT}test_what_cannot_be_given_back_ends_nothing",
    ),
)
