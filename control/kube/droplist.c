// SPDX-License-Identifier: Apache-2.0
// What is left out of each kind before it is parsed: half of the text of a usual object, and the
// half that tenants write.
#include "control/kube/decode.h"

#include <stddef.h>

const char *const *decode_drop_list(const struct kube_spec *spec)
{
// Tenants write what they like into last-applied-configuration, at any length.
#define ALWAYS \
	"managedFields", "ownerReferences", "uid", "generation", "creationTimestamp", \
		"kubectl.kubernetes.io/last-applied-configuration"
#define SLICE ALWAYS, "hints", "deprecatedTopology", "addressType", "serving", "terminating"
	static const char *const namespaces[] = {ALWAYS, "labels", "spec", "status", NULL};
	static const char *const services[] = {ALWAYS, "labels", "selector", "conditions",
		"targetPort", "nodePort", "sessionAffinity", "ipFamilies", "ipFamilyPolicy",
		"internalTrafficPolicy", "externalTrafficPolicy", NULL};
	static const char *const slices[] = {SLICE, "targetRef", "nodeName", "zone", NULL};
	static const char *const slices_targets[] = {SLICE, "nodeName", "zone", NULL};
	static const char *const slices_zones[] = {SLICE, "targetRef", NULL};
	static const char *const slices_all[] = {SLICE, NULL};
	static const char *const pods[] = {ALWAYS, "labels", "spec", "conditions",
		"containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses", NULL};
	static const char *const imports[] = {ALWAYS, "labels", "status", NULL};
#undef SLICE
#undef ALWAYS

	switch (spec->kind) {
	case OBJECT_NAMESPACE:
		return namespaces;
	case OBJECT_SERVICE:
		return services;
	case OBJECT_POD:
		return pods;
	case OBJECT_SLICE:
	case OBJECT_IMPORT_SLICE:
		if (spec->keep_target_names)
			return spec->keep_zones ? slices_all : slices_targets;
		return spec->keep_zones ? slices_zones : slices;
	case OBJECT_IMPORT:
	case OBJECT_KINDS:
		break;
	}
	return imports;
}

// k8s:6: ready nil means true. That is what nearly all endpoints say, and half of their text.
const char *decode_drop_text(const struct kube_spec *spec)
{
	bool is_slice = spec->kind == OBJECT_SLICE || spec->kind == OBJECT_IMPORT_SLICE;

	return is_slice ? "\"conditions\":{\"ready\":true}" : NULL;
}
