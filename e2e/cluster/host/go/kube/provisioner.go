package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

const hostnameLabel = "kubernetes.io/hostname"

// provisioner makes a folder of its own node into a PersistentVolume. One runs on each node, and each looks away
// from the claims that the scheduler gave to another node.
type provisioner struct {
	node, root string
}

func (p provisioner) Provision(_ context.Context, o controller.ProvisionOptions) (
	*corev1.PersistentVolume, controller.ProvisioningState, error,
) {
	if o.SelectedNodeName != p.node {
		return nil, controller.ProvisioningFinished, &controller.IgnoredError{Reason: "another node's claim"}
	}
	folder := filepath.Join(p.root, o.PVName)
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	// The umask took rights from MkdirAll's mode, and the kubelet applies no fsGroup to a hostPath: a pod that is not
	// root could not write.
	if err := os.Chmod(folder, 0o777); err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	mine := corev1.NodeSelectorRequirement{Key: hostnameLabel, Operator: corev1.NodeSelectorOpIn, Values: []string{p.node}}
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: o.PVName},
		Spec: corev1.PersistentVolumeSpec{
			PersistentVolumeReclaimPolicy: *o.StorageClass.ReclaimPolicy,
			AccessModes:                   o.PVC.Spec.AccessModes,
			Capacity:                      o.PVC.Spec.Resources.Requests,
			PersistentVolumeSource: corev1.PersistentVolumeSource{
				HostPath: &corev1.HostPathVolumeSource{Path: folder},
			},
			NodeAffinity: &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{
				NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{mine}}},
			}},
		},
	}, controller.ProvisioningFinished, nil
}

func (p provisioner) Delete(_ context.Context, volume *corev1.PersistentVolume) error {
	folder := volume.Spec.HostPath.Path
	if filepath.Dir(folder) != p.root {
		return &controller.IgnoredError{Reason: "a folder of another provisioner"}
	}
	if _, err := os.Stat(folder); os.IsNotExist(err) {
		return &controller.IgnoredError{Reason: "another node's volume"}
	}
	return os.RemoveAll(folder)
}

func newProvisionerCommand() *cobra.Command {
	var kubeconfig, driver string
	var p provisioner
	command := &cobra.Command{
		Use:   "volume-provisioner",
		Short: "Make folders of this node into PersistentVolumes",
		RunE: func(command *cobra.Command, _ []string) error {
			config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
			if err != nil {
				return err
			}
			client, err := kubernetes.NewForConfig(config)
			if err != nil {
				return err
			}
			ctx := command.Context()
			controller.NewProvisionController(ctx, client, driver, p, controller.LeaderElection(false)).Run(ctx)
			return nil
		},
	}
	command.Flags().StringVar(&kubeconfig, "kubeconfig", "", "how to reach the API server")
	command.Flags().StringVar(&driver, "provisioner", "", "the StorageClasses that are served")
	command.Flags().StringVar(&p.node, "node", "", "the node this runs on")
	command.Flags().StringVar(&p.root, "root", "", "the folder that the volumes are made in")
	return command
}
